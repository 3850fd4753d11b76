;; A thread ends the program, while main waits for ever.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") (import "env" "memory") 1 1 shared)
  (func (export "wasi_thread_start") (param $id i32) (param $arg i32)
    (call $exit (i32.const 0)))
  (func $main (export "_start")
    (drop (call $spawn (i32.const 0)))
    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))
