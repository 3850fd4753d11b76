;; Grows a table until told no, and then asks for all the elements that there can be.
(module
  (memory (export "memory") 1)
  (table $t 1 funcref)
  (func $main (export "_start")
    (loop $more
      (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 0x10000)) (i32.const -1))))
    (if (i32.ne (table.grow $t (ref.null func) (i32.const -2)) (i32.const -1))
      (then (unreachable)))))
