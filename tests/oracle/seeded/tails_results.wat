;; A tail call with fewer arguments in cells than the function itself has, and results after them.
(module
  (memory 1)
  (func $none (result i32 i32 i32 i32 i32)
    (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.load (i32.const 5)))
  (func (export "nine") (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32 i32 i32 i32 i32)
    (return_call $none)))
