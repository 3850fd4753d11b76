;; Calls an element of its table that was never set.
(module
  (memory (export "memory") 1)
  (table 2 funcref)
  (func $main (export "_start")
    (call_indirect (i32.const 1))))
