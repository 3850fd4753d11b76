;; The start function of a new thread's instance, which has a large table, spins: its memory is freed when it is ended.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (memory (export "memory") (import "env" "memory") 1 1 shared)
  (table 100000 funcref)
  (func $start
    (if (i32.atomic.rmw.add (i32.const 0) (i32.const 1)) (then (loop $again (br $again)))))
  (start $start)
  (func (export "wasi_thread_start") (param $id i32) (param $arg i32))
  (func $main (export "_start")
    (drop (call $spawn (i32.const 0)))
    unreachable))
