FROM base AS parent
ONBUILD COPY app /onbuild/app
ONBUILD RUN echo triggered > /onbuild/ran
ONBUILD ENV TRIGGERED=yes
FROM parent
RUN cat /onbuild/ran > /seen
