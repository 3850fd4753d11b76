;; Refused: the arguments of a tail call need more room on the stack than is mapped without a probe.
(module
  (memory 1)
  (func $many (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (i64.load (i32.const 8)))
  (func (export "far") (param $n i64) (result i64)
    (return_call $many
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n) (local.get $n)
      (local.get $n) (local.get $n))))
