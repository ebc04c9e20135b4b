FROM base
RUN mkdir -p /d/e/f && echo 1 > /d/1 && echo 2 > /d/e/2 && touch /d/e/f/3
RUN rm /d/1 && rm -r /d/e/f && mkdir /d/e/f && touch /d/e/f/new
RUN chmod 4755 /d/e/2 && chown 12:34 /d/e && ln /d/e/2 /d/hard && ln -s e/2 /d/soft
RUN rm -r /d/e && ln -s /tmp /d/e && mkfifo /d/pipe && chmod 1777 /d
RUN : && true
RUN true
RUN echo end > /end
