;; Has 4,294,967,295 pieces written (EFAULT, 21: no memory holds such a list), then 1,025 (EINVAL, 28), then
;; 1,024 of 60 KiB read into one place: that may happen, and costs the kernel no 60 MiB.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (func $main (export "_start") (local $i i32)
    (if (i32.ne (call $write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0x1fff0)) (i32.const 21))
      (then (call $exit (i32.const 1))))
    (if (i32.ne (call $write (i32.const 1) (i32.const 0) (i32.const 1025) (i32.const 0x1fff0)) (i32.const 28))
      (then (call $exit (i32.const 2))))
    (loop $more
      (i32.store (i32.shl (local.get $i) (i32.const 3)) (i32.const 0x10000))
      (i32.store offset=4 (i32.shl (local.get $i) (i32.const 3)) (i32.const 0xf000))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 1024))))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 0x1fff0)))))
