;; Tries descriptors that were never given to it: reading, writing, closing, and taking the number of
;; another. Each must be EBADF (8). Ends with 1 if one was not.
(module
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $refused (param $error i32)
    (if (i32.ne (local.get $error) (i32.const 8)) (then (call $exit (i32.const 1)))))
  (func $try (param $fd i32)
    (call $refused (call $read (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 64)))
    (call $refused (call $write (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 64)))
    (call $refused (call $renumber (local.get $fd) (i32.const 1)))
    (call $refused (call $close (local.get $fd))))
  (func $main (export "_start") (local $fd i32)
    (local.set $fd (i32.const 4))
    (loop $more
      (call $try (local.get $fd))
      (call $try (i32.xor (local.get $fd) (i32.const -1)))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $fd) (i32.const 5000))))))
