;; Calls functions by numbers that no table of its has.
(module
  (memory (export "memory") 1)
  (table 2 funcref)
  (func $main (export "_start")
    (call_indirect (i32.const 0x7fffffff))))
