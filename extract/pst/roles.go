package pst

import (
	"strings"

	"mailmill/formats"
)

// roleTitles are what special folders are called that have lost their names.
var roleTitles = map[formats.Role]string{
	formats.RoleInbox: "Inbox", formats.RoleSent: "Sent Items", formats.RoleDrafts: "Drafts", formats.RoleTrash: "Deleted Items",
	formats.RoleJunk: "Junk Email", formats.RoleOutbox: "Outbox",
}

// topNames are names of the folder above all that a person sees, in lower case; see [tree.top].
var topNames = []string{
	"top of outlook data file", "top of personal folders", "top of information store", "ipm_subtree",
	"oberste ebene der outlook-datendatei", "anfang der outlook-datendatei", "oberste ebene der persönlichen ordner",
	"oberste ebene des informationsspeichers", "début du fichier de données outlook", "début des dossiers personnels",
	"haut de la banque d'informations", "principio del archivo de datos de outlook", "principio de las carpetas personales",
	"inizio del file di dati di outlook", "inizio cartelle personali", "begin van outlook-gegevensbestand", "begin van persoonlijke mappen",
	"início do arquivo de dados do outlook", "início das pastas particulares", "начало файла данных outlook", "начало личных папок",
	"górna część pliku danych programu outlook", "góra folderów osobistych", "outlook データ ファイルの先頭", "個人用フォルダの先頭",
}

// isTopName reports whether a folder is called as top folders are.
func isTopName(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	for _, n := range topNames {
		if n == name {
			return true
		}
	}
	return false
}

// plumbing are the container classes of folders that programs keep for themselves, in lower case. A class stands for
// those below it, one with an asterisk for all that begin like it.
var plumbing = []string{
	"ipf.note.socialconnector*", "ipf.configuration", "ipf.files", "ipf.shortcutfolder", "ipf.storeitem*", "ipf.skypeteams.message",
	"ipf.contact.moc", "ipf.contact.peoplecentric*", "ipf.contact.recipientcache", "ipf.contact.galcontacts",
	"ipf.contact.organizationalcontacts", "ipf.contact.company",
}

// isPlumbing reports whether a folder of the class is of no interest to people.
func isPlumbing(class string) bool {
	class = strings.ToLower(class)
	for _, p := range plumbing {
		prefix, wild := strings.CutSuffix(p, "*")
		if rest, ok := strings.CutPrefix(class, prefix); ok && (wild || rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}

// isMailClass reports whether a folder of the class holds mail: only such a folder has a role.
func isMailClass(class string) bool {
	class = strings.ToLower(class)
	return class == "" || class == "ipf" || class == "ipf.imap" || class == "ipf.note" || strings.HasPrefix(class, "ipf.note.")
}
