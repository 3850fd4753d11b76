;; Writes four bytes of which only the last lies outside.
(module
  (memory (export "memory") 1)
  (func $write (param $address i32)
    (i32.store (local.get $address) (i32.const -1)))
  (func $main (export "_start")
    (call $write (i32.const 0xfffc))    ;; the last that is its own
    (call $write (i32.const 0xfffd))))
