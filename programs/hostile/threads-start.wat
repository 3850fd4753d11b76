;; The start function of each new instance wants another thread, without end. Only the first gets one.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (memory (export "memory") (import "env" "memory") 1 1 shared)
  (func $start
    (if (i32.eqz (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
      (then (if (i32.lt_s (call $spawn (i32.const 0)) (i32.const 0)) (then unreachable)))
      (else (if (i32.ge_s (call $spawn (i32.const 0)) (i32.const 0)) (then unreachable)))))
  (start $start)
  (func (export "wasi_thread_start") (param $id i32) (param $arg i32))
  (func (export "_start")
    (if (i32.ne (i32.atomic.load (i32.const 0)) (i32.const 2)) (then unreachable))))
