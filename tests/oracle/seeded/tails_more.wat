;; Refused: a tail call with more arguments in cells than the function itself has.
(module
  (memory 1)
  (func $nine (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.load (local.get 8)))
  (func (export "more") (param $n i32) (result i32)
    (return_call $nine (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n))))
