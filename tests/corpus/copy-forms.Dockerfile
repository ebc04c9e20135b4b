from base
copy app/main.py /one/renamed.py
Copy app/main.py /two/
COPY app /three
COPY app/ /four/
COPY app/*.py config/*.conf /five/
COPY ["app/main.py", "/six/with a blank.py"]
COPY link /seven/link
COPY links /eight
COPY . /all
COPY app/main.py app/util /nine/
COPY link /seven/dir/
COPY lin? /wild/
COPY links/folder /eleven
COPY links/folder/util /twelve/
COPY app/ma*.py /wild-one
COPY links/fold* /wild-folder/
