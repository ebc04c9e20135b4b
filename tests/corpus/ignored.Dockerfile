FROM base
COPY . /context
COPY docs /docs
