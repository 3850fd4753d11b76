;; Asks for the whole 4 GiB before it runs, which the specification allows.
(module
  (memory (export "memory") 65536)
  (func $main (export "_start")))
