FROM eclipse-temurin:21-jre AS unpack
WORKDIR /work
COPY archive.tar.gz .
RUN tar xf archive.tar.gz

FROM eclipse-temurin:21-jre
RUN groupadd -r app && useradd -r -g app app
USER app:app
COPY --from=unpack --chown=app:app /work/dependencies/ ./
COPY --from=0 --chown=app:app /work/application/ ./
ENTRYPOINT exec java $JAVA_OPTS -jar app.jar
