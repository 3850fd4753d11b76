;; Starts 100000 threads, each of which waits for ever, until one cannot be started.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (memory (export "memory") (import "env" "memory") 1 1 shared)
  (func (export "wasi_thread_start") (param $id i32) (param $arg i32)
    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))
  (func $main (export "_start") (local $n i32)
    (loop $again
      (if (i32.lt_s (call $spawn (local.get $n)) (i32.const 0)) (then return))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100000))))
    unreachable))
