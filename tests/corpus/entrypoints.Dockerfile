FROM base AS parent
CMD ["parent"]
ENTRYPOINT ["old"]
FROM parent AS child
ENTRYPOINT exec top -b
FROM child AS reset
CMD ["x"]
ENTRYPOINT []
CMD []
FROM reset
HEALTHCHECK NONE
CMD ["of", "its", "own"]
COPY --chmod=755 bin/entry.sh /usr/local/bin/
