;; All threads trap at the same time: one trap is reported.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (memory (export "memory") (import "env" "memory") 1 1 shared)
  (func $meet
    (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
    (loop $again (br_if $again (i32.lt_u (i32.atomic.load (i32.const 0)) (i32.const 9))))
    unreachable)
  (func (export "wasi_thread_start") (param $id i32) (param $arg i32)
    (call $meet))
  (func $main (export "_start") (local $n i32)
    (loop $again
      (drop (call $spawn (local.get $n)))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 8))))
    (call $meet)))
