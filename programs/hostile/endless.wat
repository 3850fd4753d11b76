;; Never ends and never calls anybody.
(module
  (memory (export "memory") 1)
  (func $spin (loop $again (br $again)))
  (func $main (export "_start") (call $spin)))
