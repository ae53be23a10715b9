"""Writes a text file as a C source with one function that returns it: embed.py FILE SOURCE."""
import sys

content = open(sys.argv[1], "rb").read()
rows = [", ".join(map(str, content[at:at + 24])) for at in range(0, len(content), 24)]
with open(sys.argv[2], "w") as out:
    out.write("/* Made by embed.py from console.css. */\n#include \"service/registrar/style.h\"\n\n")
    out.write("static const uint8_t content[] = {\n    " + ",\n    ".join(rows) + ",\n};\n\n")
    out.write("struct span style_sheet(void)\n{\n    return span_of(content, sizeof content);\n}\n")
