;; Runs before it is started: its start function is called when it is linked, and never returns.
(module
  (memory (export "memory") 1)
  (func $forever (loop $again (br $again)))
  (start $forever)
  (func $main (export "_start")))
