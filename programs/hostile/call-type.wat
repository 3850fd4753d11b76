;; Calls a function of two numbers as one of an address, which would let it choose what is read.
(module
  (type $two (func (param i64 i64) (result i64)))
  (memory (export "memory") 1)
  (table 1 funcref)
  (elem (i32.const 0) $peek)
  (func $peek (param i32) (result i32)
    (i32.load (local.get 0)))
  (func $main (export "_start")
    (drop (call_indirect (type $two) (i64.const 0xffffffff80000000) (i64.const 0) (i32.const 0)))))
