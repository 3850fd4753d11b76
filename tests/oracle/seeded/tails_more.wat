;; Tail calls with more arguments in cells than the function itself has: direct, of a leaf, and through a table.
(module
  (type $ten (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)))
  (memory 1)
  (table $t 1 funcref)
  (elem (i32.const 0) $leaf)
  (func $leaf (type $ten) (i32.load (local.get 8)))
  (func (export "more") (param $n i32) (result i32)
    (return_call $leaf (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (i64.const 7)))
  (func (export "through") (param $n i32) (result i32)
    (return_call_indirect $t (type $ten) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (i32.load (local.get $n)) (i64.const 7) (i32.const 0))))
