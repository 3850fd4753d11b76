;; Asks for 4 GiB less a page before it runs, which is the most that a memory may have.
(module
  (memory (export "memory") 65535)
  (func $main (export "_start")))
