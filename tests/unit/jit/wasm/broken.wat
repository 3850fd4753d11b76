;; The second data segment does not fit: what came before stays in the exporter's table and memory.
(module
  (type $unary (func (param i32) (result i32)))
  (import "a" "memory" (memory 1))
  (import "a" "table" (table 1 funcref))
  (func $next (type $unary) (i32.add (local.get 0) (i32.const 1)))
  (func $start (unreachable))
  (elem (i32.const 3) $next)
  (data (i32.const 200) "stays")
  (data (i32.const 0xfffe) "does not fit")
  (data (i32.const 300) "never comes")
  (start $start))
