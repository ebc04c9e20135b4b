"""What is kept between builds: blobs by digest, results by action key, and their upkeep."""
