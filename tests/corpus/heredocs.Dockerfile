# syntax=docker/dockerfile:1.4
FROM base
ARG WHO=world
RUN <<EOF
set -e
echo "hello $WHO" > /hello
echo second > /second
EOF
RUN <<-"EOT" sh -e
	echo tabs > /tabs
EOT
RUN <<EOF
#!/bin/cat
a script for another reader
EOF
COPY <<EOF /etc/motd
welcome, ${WHO} and "friends"
EOF
COPY --chmod=755 <<one.sh <<"two.sh" /scripts/
#!/bin/sh
echo $WHO
one.sh
#!/bin/sh
echo $WHO
two.sh
RUN cat <<A > /both && cat <<B >> /both
from a
A
from b
B
