;; Hands the host addresses at, over and around the end of its memory. Each must be EFAULT (21), nothing
;; written. Ends with the number of the first that was not.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $refused (param $n i32) (param $error i32)
    (if (i32.ne (local.get $error) (i32.const 21)) (then (call $exit (local.get $n)))))
  (func $main (export "_start")
    (call $refused (i32.const 1) (call $random (i32.const 0xffff) (i32.const 2)))
    (call $refused (i32.const 2) (call $random (i32.const 0xfffffff0) (i32.const 0x20)))
    (call $refused (i32.const 3) (call $random (i32.const 1) (i32.const 0xffffffff)))
    (call $refused (i32.const 4) (call $time (i32.const 0) (i64.const 1) (i32.const 0xfff9)))
    (call $refused (i32.const 5) (call $write (i32.const 1) (i32.const 0xfffc) (i32.const 1) (i32.const 0)))
    ;; A list that is its own, of one piece that reaches over the end.
    (i32.store (i32.const 64) (i32.const 0x8000))
    (i32.store (i32.const 68) (i32.const 0xffff8000))
    (call $refused (i32.const 6) (call $write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 0)))
    (call $refused (i32.const 7)
      (call $open (i32.const 3) (i32.const 0) (i32.const 0xfffffffe) (i32.const 100) (i32.const 0)
        (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))))
