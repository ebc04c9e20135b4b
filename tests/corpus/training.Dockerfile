ARG CUDA=12.1 \
    MODE=train
FROM base AS cuda
ARG CUDA
ENV NV_CUDA=${CUDA} \
    # what the driver is mounted at
    LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \

    PATH=/opt/conda/bin:$PATH
LABEL maintainer="ML <ml@example.org>" com.nvidia.volumes.needed="nvidia_driver"
ENTRYPOINT ["/opt/nvidia/entrypoint.sh"]
CMD ["bash"]

FROM cuda AS train
ARG MODE
SHELL ["/bin/sh", "-euxc"]
WORKDIR /workspace
RUN mkdir -p /opt/conda/bin; \
	for tool in conda python; do \
		printf '#!/bin/sh\necho %s %s\n' "$tool" "$NV_CUDA" > "/opt/conda/bin/$tool"; \
# comments may begin a line of their own
		chmod +x "/opt/conda/bin/$tool"; \
	done
COPY requirements*.txt environment.y*ml ./
RUN true
RUN conda > log; rm -rf /tmp/* ~/.cache || :
RUN ["sh", "-c", "python >> log"]
COPY --chown=1000:1000 app/ ./app/
ARG GIT_SHA=unknown
LABEL org.opencontainers.image.revision=$GIT_SHA mode=$MODE
ENV PYTHONPATH="/workspace:${PYTHONPATH}" OMP_NUM_THREADS=1
VOLUME ["/data", "/checkpoints"]
ENTRYPOINT []
CMD ["python", "-m", "app.train", "--config", "${CONFIG}"]
