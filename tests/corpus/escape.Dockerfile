# escape=`

# a comment between
FROM base
RUN echo one && `
    # a comment within
    echo two > /two `
    && echo three > /three

ENV DIR=C:\temp
