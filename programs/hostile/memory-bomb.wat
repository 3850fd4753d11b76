;; Takes all the memory that it is given, and writes into every page of it. Ends with 0 when told no.
(module
  (memory (export "memory") 1)
  (func $main (export "_start") (local $end i32)
    (loop $more
      (local.set $end (i32.shl (memory.size) (i32.const 16)))
      (i32.store (i32.sub (local.get $end) (i32.const 4)) (i32.const -1))
      (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))))
