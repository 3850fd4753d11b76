;; Its threads spin, and main waits for them: the CPU time is that of all together.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (memory (export "memory") (import "env" "memory") 1 1 shared)
  (func (export "wasi_thread_start") (param $id i32) (param $arg i32)
    (loop $again (br $again)))
  (func $main (export "_start")
    (drop (call $spawn (i32.const 0)))
    (drop (call $spawn (i32.const 1)))
    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))
