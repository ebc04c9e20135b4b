"""What a target asks of conda: environment files, explicit files and conda-lock.yml."""
