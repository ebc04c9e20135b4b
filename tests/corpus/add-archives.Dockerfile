FROM base
ADD archive.tar.gz /gz
ADD archive.tar.xz /xz/
ADD archive.tar.bz2 /bz2/
ADD archive.tar /plain/
ADD app/main.py archive.tar.gz /mixed/
COPY archive.tar.gz /kept/
ADD --chown=1000:1000 archive.tar /owned/
ADD not-an-archive.tar.gz /file/
