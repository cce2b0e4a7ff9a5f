package mbox

import (
	"slices"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mime"
)

// Takeout reports whether a message comes from an export of Gmail (Google Takeout): its line "From " names a number at
// xxx, and its state is in the field X-Gmail-Labels.
func (e *Envelope) Takeout() bool {
	number, ok := strings.CutSuffix(e.From, "@xxx")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}

// ParseLabels takes the value of X-Gmail-Labels apart: a list with commas, as a whole in encoded words where it must be, in
// which a label with a comma is quoted.
func ParseLabels(value string) []string {
	value = mime.DecodeWords(strings.NewReplacer("\r", "", "\n", "").Replace(value))
	var list []string
	known := make(map[string]bool)
	var label strings.Builder
	quoted := false
	end := func() {
		if text := strings.TrimSpace(label.String()); text != "" && !known[text] {
			known[text] = true
			list = append(list, text)
		}
		label.Reset()
	}
	for _, r := range value {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			end()
		default:
			label.WriteRune(r)
		}
	}
	end()
	return list
}

// Placed is what labels say of a message.
type Placed struct {
	// Folder is the path of the one folder that the message goes to, and Role what that is.
	Folder []string
	Role   formats.Role
	Status
}

// Place chooses the folder for a message of Gmail's, where it may be in many places at once: the first of trash, spam,
// drafts, inbox and sent mail that it is in; else that of its first own label, in which slashes part a folder from the one
// in it; else that of chats; else the archive. Every other label of the owner's becomes a keyword, and so do the
// categories.
//
// Gmail names its own labels in the language of the account. The folder is called as the label is.
func Place(labels []string) Placed {
	p := Placed{Status: Status{Flags: formats.FlagSeen}}
	best, chosen := len(ranks), ""
	var own []string
	for _, label := range labels {
		kind := labelKinds[strings.ToLower(label)]
		switch kind {
		case labelOwn:
			own = append(own, label)
		case labelUnread:
			p.Flags &^= formats.FlagSeen
		case labelStarred:
			p.Flags |= formats.FlagFlagged
		case labelImportant:
			own = append(own, important)
		case labelCategory:
			own = append(own, label)
		case labelOpened:
		default:
			if i := slices.Index(ranks[:], kind); i < best {
				best, chosen = i, label
			}
		}
		if kind == labelDrafts {
			p.Flags |= formats.FlagDraft
		}
	}
	if best >= rankOwn {
		i := slices.IndexFunc(own, func(l string) bool { return l != important && labelKinds[strings.ToLower(l)] == labelOwn })
		if i >= 0 {
			best, chosen = -1, own[i]
			own = slices.Delete(own, i, i+1)
			p.Folder = strings.FieldsFunc(chosen, func(r rune) bool { return r == '/' })
		}
	}
	switch {
	case len(p.Folder) > 0:
	case best == len(ranks):
		p.Folder, p.Role = []string{"Archive"}, formats.RoleArchive
	default:
		p.Folder = []string{chosen}
		if best >= 0 {
			p.Role = labelRoles[ranks[best]]
		}
	}
	if len(own) > 0 {
		p.Keywords = own
	}
	return p
}

// important is the keyword for what Gmail's own marker means (RFC 8457).
const important = "$Important"

type labelKind uint8

const (
	labelOwn labelKind = iota
	labelInbox
	labelSent
	labelDrafts
	labelSpam
	labelTrash
	labelArchived
	labelChat
	labelUnread
	labelOpened
	labelStarred
	labelImportant
	labelCategory
)

// ranks has the labels that are places in the order in which one is chosen; own labels come before those from rankOwn on.
var ranks = [...]labelKind{labelTrash, labelSpam, labelDrafts, labelInbox, labelSent, labelChat, labelArchived}

const rankOwn = 5

var labelRoles = map[labelKind]formats.Role{
	labelTrash: formats.RoleTrash, labelSpam: formats.RoleJunk, labelDrafts: formats.RoleDrafts, labelInbox: formats.RoleInbox,
	labelSent: formats.RoleSent, labelArchived: formats.RoleArchive,
}

// labelKinds are the labels that Gmail gives, in lower case, in the languages in which their exports have been seen or that
// its pages are in.
var labelKinds = map[string]labelKind{
	"inbox": labelInbox, "posteingang": labelInbox, "boîte de réception": labelInbox, "messages reçus": labelInbox, "recibidos": labelInbox,
	"bandeja de entrada": labelInbox, "posta in arrivo": labelInbox, "caixa de entrada": labelInbox, "entrada": labelInbox, "postvak in": labelInbox,
	"inkorgen": labelInbox, "indbakke": labelInbox, "innboks": labelInbox, "saapuneet": labelInbox, "odebrane": labelInbox, "doručená pošta": labelInbox,
	"входящие": labelInbox, "вхідні": labelInbox, "gelen kutusu": labelInbox, "受信トレイ": labelInbox, "받은편지함": labelInbox, "收件箱": labelInbox, "收件匣": labelInbox,

	"sent": labelSent, "sent mail": labelSent, "gesendet": labelSent, "messages envoyés": labelSent, "envoyés": labelSent, "enviados": labelSent,
	"posta inviata": labelSent, "inviati": labelSent, "e-mails enviados": labelSent, "verzonden": labelSent, "verzonden berichten": labelSent, "skickat": labelSent,
	"skickade": labelSent, "sendt": labelSent, "sendte": labelSent, "lähetetyt": labelSent, "wysłane": labelSent, "odeslaná pošta": labelSent, "odeslané": labelSent,
	"отправленные": labelSent, "надіслані": labelSent, "gönderilmiş postalar": labelSent, "gönderilenler": labelSent, "送信済み": labelSent, "送信済みメール": labelSent,
	"보낸편지함": labelSent, "已发邮件": labelSent, "已發送": labelSent, "寄件備份": labelSent,

	"drafts": labelDrafts, "draft": labelDrafts, "entwürfe": labelDrafts, "entwurf": labelDrafts, "brouillons": labelDrafts, "borradores": labelDrafts, "bozze": labelDrafts,
	"rascunhos": labelDrafts, "concepten": labelDrafts, "utkast": labelDrafts, "kladder": labelDrafts, "luonnokset": labelDrafts, "wersje robocze": labelDrafts,
	"koncepty": labelDrafts, "черновики": labelDrafts, "чернетки": labelDrafts, "taslaklar": labelDrafts, "下書き": labelDrafts, "임시보관함": labelDrafts, "草稿": labelDrafts,

	"spam": labelSpam, "junk": labelSpam, "correo no deseado": labelSpam, "ongewenst": labelSpam, "skräppost": labelSpam, "søppelpost": labelSpam, "roskaposti": labelSpam,
	"спам": labelSpam, "迷惑メール": labelSpam, "스팸함": labelSpam, "垃圾邮件": labelSpam, "垃圾郵件": labelSpam,

	"trash": labelTrash, "bin": labelTrash, "papierkorb": labelTrash, "corbeille": labelTrash, "papelera": labelTrash, "cestino": labelTrash, "lixeira": labelTrash,
	"lixo": labelTrash, "prullenbak": labelTrash, "papperskorgen": labelTrash, "papirkurv": labelTrash, "papirkurven": labelTrash, "roskakori": labelTrash, "kosz": labelTrash,
	"koš": labelTrash, "корзина": labelTrash, "кошик": labelTrash, "çöp kutusu": labelTrash, "çöp": labelTrash, "ゴミ箱": labelTrash, "휴지통": labelTrash, "已删除邮件": labelTrash, "垃圾桶": labelTrash,

	"archived": labelArchived, "archiviert": labelArchived, "archivé": labelArchived, "archivés": labelArchived, "archivado": labelArchived, "archivados": labelArchived,
	"archiviati": labelArchived, "archiviato": labelArchived, "arquivado": labelArchived, "arquivados": labelArchived, "gearchiveerd": labelArchived, "arkiverat": labelArchived,
	"arkiveret": labelArchived, "arkivert": labelArchived, "arkistoitu": labelArchived, "zarchiwizowane": labelArchived, "archivováno": labelArchived,
	"архивировано": labelArchived, "в архиве": labelArchived, "arşivlendi": labelArchived, "アーカイブ済み": labelArchived, "보관됨": labelArchived, "已归档": labelArchived, "已封存": labelArchived,

	"chat": labelChat, "chats": labelChat,

	"unread": labelUnread, "ungelesen": labelUnread, "non lus": labelUnread, "non lu": labelUnread, "no leídos": labelUnread, "no leído": labelUnread, "da leggere": labelUnread,
	"non letti": labelUnread, "não lidos": labelUnread, "não lidas": labelUnread, "não lido": labelUnread, "ongelezen": labelUnread, "oläst": labelUnread, "olästa": labelUnread,
	"ulæst": labelUnread, "ulest": labelUnread, "lukematta": labelUnread, "lukematon": labelUnread, "nieprzeczytane": labelUnread, "nepřečtené": labelUnread, "непрочитанные": labelUnread,
	"непрочитані": labelUnread, "okunmamış": labelUnread, "未読": labelUnread, "읽지 않음": labelUnread, "읽지않음": labelUnread, "未读": labelUnread, "未讀": labelUnread, "未讀取": labelUnread,

	"opened": labelOpened, "geöffnet": labelOpened, "ouvert": labelOpened, "ouverts": labelOpened, "abierto": labelOpened, "abiertos": labelOpened, "aperto": labelOpened,
	"aperti": labelOpened, "aberto": labelOpened, "abertos": labelOpened, "geopend": labelOpened, "öppnad": labelOpened, "öppnat": labelOpened, "åbnet": labelOpened, "åpnet": labelOpened,
	"avattu": labelOpened, "otwarte": labelOpened, "otevřeno": labelOpened, "открыто": labelOpened, "відкрито": labelOpened, "açıldı": labelOpened, "開封済み": labelOpened,
	"열림": labelOpened, "已打开": labelOpened, "已開啟": labelOpened,

	"starred": labelStarred, "markiert": labelStarred, "suivis": labelStarred, "messages suivis": labelStarred, "destacados": labelStarred, "destacado": labelStarred,
	"speciali": labelStarred, "con estrela": labelStarred, "com estrela": labelStarred, "met ster": labelStarred, "stjärnmärkt": labelStarred, "stjernemarkeret": labelStarred,
	"stjernemerket": labelStarred, "tähdellä merkitty": labelStarred, "oznaczone gwiazdką": labelStarred, "s hvězdičkou": labelStarred, "помеченные": labelStarred,
	"із зірочкою": labelStarred, "yıldızlı": labelStarred, "スター付き": labelStarred, "별표편지함": labelStarred, "已加星标": labelStarred, "已加星號": labelStarred,

	"important": labelImportant, "wichtig": labelImportant, "importants": labelImportant, "importantes": labelImportant, "importante": labelImportant, "importanti": labelImportant,
	"belangrijk": labelImportant, "viktigt": labelImportant, "vigtigt": labelImportant, "viktig": labelImportant, "tärkeä": labelImportant, "tärkeät": labelImportant,
	"ważne": labelImportant, "důležité": labelImportant, "важное": labelImportant, "важливі": labelImportant, "önemli": labelImportant, "重要": labelImportant, "중요": labelImportant, "重要邮件": labelImportant, "重要郵件": labelImportant,

	"category personal": labelCategory, "category social": labelCategory, "category promotions": labelCategory, "category updates": labelCategory,
	"category forums": labelCategory, "category purchases": labelCategory, "category reservations": labelCategory, "category travel": labelCategory,
	"muted": labelCategory, "snoozed": labelCategory, "scheduled": labelCategory,
	"imap_$mdnsent": labelCategory, "imap_$notjunk": labelCategory, "imap_notjunk": labelCategory, "imap_$junk": labelCategory, "imap_junk": labelCategory, "imap_$forwarded": labelCategory,
}
