;; One of each kind for others to import, and functions that look at them from here.
(module
  (type $unary (func (param i32) (result i32)))
  (memory (export "memory") 1 3)
  (table (export "table") 4 8 funcref)
  (global $counter (export "counter") (mut i32) (i32.const 7))
  (global (export "fixed") i64 (i64.const 0x123456789a))
  (func (export "double") (type $unary) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "load") (type $unary) (i32.load8_u (local.get 0)))
  (func (export "count") (result i32) (global.get $counter))
  (func (export "size") (result i32) (memory.size))
  (func (export "indirect") (param i32 i32) (result i32)
    (call_indirect (type $unary) (local.get 1) (local.get 0))))
