;; Asks for 4 GiB before it runs, which is the most that a module can ask for.
(module
  (memory (export "memory") 65536)
  (func $main (export "_start")))
