;; The start function of a new thread's instance divides by zero.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (memory (export "memory") (import "env" "memory") 1 1 shared)
  (func $start
    (if (i32.atomic.rmw.add (i32.const 0) (i32.const 1))
      (then (drop (i32.div_u (i32.const 1) (i32.load (i32.const 8)))))))
  (start $start)
  (func (export "wasi_thread_start") (param $id i32) (param $arg i32))
  (func $main (export "_start")
    (drop (call $spawn (i32.const 0)))
    unreachable))
