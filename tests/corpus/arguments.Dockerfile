ARG NAME=fallback
ARG TAG
FROM base AS one
ARG NAME
ARG LOCAL="with blank"
ARG EMPTY=
ARG TARGETARCH
ENV NAMED=$NAME LOCAL2=${LOCAL:-none} QUOTED="a b" ESCAPED=a\ b
ENV OLD style with  blanks
ENV A=1 B=$A
ENV B2=$A$B PLUS=${A:+set} MINUS=${UNSET:-minus} COLON=${EMPTY:-colon}
RUN echo "$NAME $LOCAL $TARGETARCH ${UNSET-unset} $EMPTY." > /values && env | grep -v -E 'HOSTNAME|HOME' | sort > /env
ARG PLUS=later B
ENV LATER=$PLUS NAME=own
RUN echo "$PLUS $NAME $B" > /later
FROM one
RUN echo "${NAME-gone} $NAMED" > /inherited
LABEL a.b=$NAMED "c d"="e f" multi="line \
 goes on"
EXPOSE $A/udp 8000-8002 80
WORKDIR /w/$NAMED
