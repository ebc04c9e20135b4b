FROM base
COPY . /context
