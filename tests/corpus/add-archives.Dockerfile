FROM base
ADD archive.tar.gz /gz
ADD archive.tar.xz /xz/
ADD archive.tar.bz2 /bz2/
ADD archive.tar /plain/
ADD app/main.py archive.tar.gz /mixed/
COPY archive.tar.gz /kept/
ADD not-an-archive.tar.gz table.csv.gz /file/
RUN mkdir -p /there/top && chmod 700 /there /there/top
ADD archive.tar /there
ADD bundle /bundle/
ADD bundle/*.tar.gz /unpacked/
