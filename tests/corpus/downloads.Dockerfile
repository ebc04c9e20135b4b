FROM debian:bookworm-slim
ARG VERSION=1.4
ADD --checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
    https://downloads.example/tool-${VERSION}.txt /usr/share/tool/
ADD --chmod=0755 --checksum=sha256:01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b https://downloads.example/run.sh /usr/local/bin/run
ADD archive.tar.gz /opt/
CMD ["run"]
