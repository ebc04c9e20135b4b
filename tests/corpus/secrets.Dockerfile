FROM debian:bookworm-slim
RUN --mount=type=secret,id=netrc,target=/root/.netrc,required=true --network=default \
    curl --netrc https://example.org/private
RUN --mount=type=secret,id=token,env=TOKEN test -n "$TOKEN"
RUN --mount=type=tmpfs,target=/scratch,size=64m cp -r /etc /scratch
