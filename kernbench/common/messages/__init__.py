"""Messages, one file per protocol: frozen Structs, passed by reference inside a SIP, encoded between SIPs."""
