;; Has the machine move bytes over the end of memory for it.
(module
  (memory (export "memory") 1)
  (func $main (export "_start")
    (memory.copy (i32.const 0xff00) (i32.const 0) (i32.const 0xffffff00))))
