"`python -m emotion_nb` is the command line `emotion-nb`"
from emotion_nb.cli import main

if __name__ == '__main__': main()
