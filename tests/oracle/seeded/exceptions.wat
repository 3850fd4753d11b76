;; Tries in loops and around calls of each kind, with values that live across them, handlers that are left in each way,
;; payloads of each type, and calls with many results.
(module
  (type $binary (func (param i32 i32) (result i32)))
  (tag $e (param i32))
  (tag $all (param i64 f32 f64 funcref externref))
  (memory 1)
  (table 4 funcref)
  (global $count (mut i32) (i32.const 0))
  (elem (i32.const 0) $throw $add)
  (elem declare func $add)
  (func $throw (param i32 i32) (result i32) (throw $e (i32.add (local.get 0) (local.get 1))))
  (func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func $six (param i32) (result i32 i32 i64 i64 i32 i32)
    (local.get 0) (i32.const 1) (i64.const 2) (i64.const 3) (i32.const 4) (i32.const 5))
  (func (export "loop") (param i32 i32) (result i32) (local i32 i64 f64)
    (loop $again
      (try
        (do
          (local.set 2 (call $throw (local.get 0) (local.get 2)))
          (local.set 3 (i64.add (local.get 3) (i64.const 3))))
        (catch $e (i32.store (local.get 0)) (local.set 4 (f64.add (local.get 4) (f64.const 1))))
        (catch_all (global.set $count (i32.add (global.get $count) (i32.const 1)))))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $again (local.get 0)))
    (i32.add (local.get 2) (i32.add (i32.wrap_i64 (local.get 3)) (i32.trunc_sat_f64_s (local.get 4)))))
  (func (export "indirect") (param i32 i32) (result i32)
    (try (result i32)
      (do (call_indirect (type $binary) (local.get 0) (local.get 1) (i32.and (local.get 0) (i32.const 3))))
      (catch $e)))
  (func (export "values") (param i64 f32 f64 externref) (result i64) (local funcref)
    (try (result i64 f32 f64 funcref externref)
      (do (throw $all (local.get 0) (local.get 1) (local.get 2) (ref.func $add) (local.get 3)))
      (catch $all))
    (drop) (local.set 4) (drop) (drop) (table.set 0 (i32.const 2) (local.get 4)))
  (func (export "nested") (param i32) (result i32)
    (try (result i32)
      (do
        (try (result i32)
          (do (call $throw (local.get 0) (i32.const 1)))
          (catch $all (drop) (drop) (drop) (drop) (drop) (i32.const 1))
          (catch_all (rethrow 0))))
      (catch $e (i32.mul (local.get 0)))))
  ;; a loop begins at the return address
  (func (export "then_loop") (param i32)
    (try
      (do
        (drop (call $throw (local.get 0) (i32.const 1)))
        (loop $again
          (global.set $count (i32.sub (global.get $count) (i32.const 1)))
          (br_if $again (global.get $count))))
      (catch_all (rethrow 0))))
  (func (export "many") (param i32) (result i32 i32 i64 i64 i32 i32)
    (try (result i32 i32 i64 i64 i32 i32)
      (do (call $six (local.get 0)))
      (catch_all (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))))
)
