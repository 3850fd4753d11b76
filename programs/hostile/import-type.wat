;; Wants a function that there is, as one that takes kernel addresses.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i64 i64 i64) (result i32)))
  (memory (export "memory") 1)
  (func $main (export "_start")
    (drop (call $write (i32.const 1) (i64.const 0xffffffff80000000) (i64.const 1) (i64.const 0)))))
