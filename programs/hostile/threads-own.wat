;; Wants threads, but each would have a memory of its own.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "wasi_thread_start") (param $id i32) (param $arg i32))
  (func $main (export "_start")
    (if (i32.ge_s (call $spawn (i32.const 0)) (i32.const 0)) (then unreachable))))
