primes 100 | cmp - /usr/local/share/primes/known && echo "the same as when it was built"
