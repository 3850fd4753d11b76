;; Accesses to another memory than the first: its base comes from the context, and an offset beyond the guard is added
;; to the index.
(module
  (memory 1)
  (memory $other 1)
  (func (export "load") (param i32) (result i64)
    (i64.load $other offset=40 (local.get 0)))
  (func (export "store") (param i32 i32)
    (i32.store $other (i32.add (local.get 0) (i32.const 8)) (local.get 1)))
  (func (export "far") (param i32) (result i32)
    (i32.load8_u $other offset=4294967295 (local.get 0)))
  (func (export "copy") (param i32 i32 i32)
    (memory.copy $other 0 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "size") (result i32)
    (memory.size $other)))
