FROM base AS tools
RUN mkdir -p /tools/deep && echo tool > /tools/deep/tool && ln -s deep/tool /tools/link
FROM base
RUN --mount=type=bind,source=app,target=/m/app cat /m/app/main.py > /one && ls -R /m > /listing
RUN --mount=type=bind,target=/m find /m -type l | sort > /links && readlink /m/link >> /links
RUN --mount=from=tools,source=/tools,target=/t cat /t/deep/tool /t/link > /two
RUN --mount=type=bind,source=app/main.py,target=/single.py wc -l < /single.py > /three
RUN --mount=type=bind,source=app,target=/m,rw echo lost > /m/new && cat /m/new > /four
RUN --mount=type=tmpfs,target=/scratch echo x > /scratch/x && cat /scratch/x > /five
RUN --mount=type=cache,target=/cache,uid=1000,gid=1000,mode=0700 ls -nd /cache | head -c 10 > /six
