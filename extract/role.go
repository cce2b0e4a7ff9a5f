package extract

import (
	"strings"

	"mailmill/formats"
)

// roleNames are the names that Outlook, other mail programs and mail servers give the special folders, by language, in lower
// case.
var roleNames = map[formats.Role][]string{
	formats.RoleInbox: {
		"inbox", "posteingang", "boîte de réception", "bandeja de entrada", "posta in arrivo", "postvak in", "caixa de entrada",
		"a receber", "inkorgen", "indbakke", "innboks", "saapuneet", "skrzynka odbiorcza", "doručená pošta", "beérkezett üzenetek",
		"входящие", "вхідні", "папка \"вхідні\"", "gelen kutusu", "εισερχόμενα", "תיבת דואר נכנס", "דואר נכנס", "علبة الوارد",
		"صندوق الوارد", "受信トレイ", "받은 편지함", "收件箱", "收件匣",
	},
	formats.RoleSent: {
		"sent items", "sent", "sent mail", "sent messages", "gesendete elemente", "gesendete objekte", "gesendet", "éléments envoyés",
		"messages envoyés", "elementos enviados", "enviados", "posta inviata", "elementi inviati", "verzonden items", "itens enviados",
		"mensagens enviadas", "skickat", "skickade objekt", "sendt post", "sendte elementer", "lähetetyt", "lähetetyt viestit",
		"elementy wysłane", "wysłane", "odeslaná pošta", "odoslaná pošta", "elküldött elemek", "отправленные", "отправленные элементы",
		"надіслані", "надіслані елементи", "gönderilmiş öğeler", "gönderilen öğeler", "απεσταλμένα", "פריטים שנשלחו", "דואר שנשלח",
		"العناصر المرسلة", "送信済みアイテム", "보낸 편지함", "已发送邮件", "已发送", "寄件備份",
	},
	formats.RoleDrafts: {
		"drafts", "entwürfe", "brouillons", "borradores", "bozze", "concepten", "rascunhos", "utkast", "kladder", "kladd", "luonnokset",
		"wersje robocze", "kopie robocze", "koncepty", "rozpracované", "piszkozatok", "черновики", "чернетки", "taslaklar", "πρόχειρα",
		"טיוטות", "مسودات", "المسودات", "下書き", "임시 보관함", "草稿", "草稿箱",
	},
	formats.RoleTrash: {
		"deleted items", "trash", "deleted messages", "gelöschte elemente", "gelöschte objekte", "papierkorb", "éléments supprimés",
		"corbeille", "elementos eliminados", "papelera", "posta eliminata", "elementi eliminati", "cestino", "verwijderde items",
		"prullenbak", "itens excluídos", "itens eliminados", "lixeira", "borttaget", "borttagna objekt", "slettet post",
		"slettede elementer", "poistetut", "poistetut viestit", "elementy usunięte", "kosz", "odstraněná pošta", "koš",
		"odstránená pošta", "törölt elemek", "удаленные", "удалённые", "видалені", "видалені елементи", "silinmiş öğeler",
		"silinen öğeler", "διαγραμμένα", "פריטים שנמחקו", "العناصر المحذوفة", "削除済みアイテム", "지운 편지함", "已删除邮件", "已删除",
		"刪除的郵件",
	},
	formats.RoleJunk: {
		"junk e-mail", "junk email", "junk", "spam", "junk-e-mail", "courrier indésirable", "courriel indésirable", "correo no deseado",
		"correo electrónico no deseado", "posta indesiderata", "ongewenste e-mail", "lixo eletrônico", "lixo eletrónico",
		"lixo electrónico", "skräppost", "uønsket e-mail", "uønsket mail", "uønsket e-post", "søppelpost", "roskaposti",
		"wiadomości-śmieci", "nevyžádaná pošta", "nevyžiadaná pošta", "nevyžiadaná e-mailová pošta", "levélszemét",
		"нежелательная почта", "небажана пошта", "önemsiz e-posta", "gereksiz e-posta", "ανεπιθύμητη αλληλογραφία", "דואר זבל",
		"البريد الإلكتروني غير الهام", "بريد إلكتروني غير هام", "迷惑メール", "정크 메일", "垃圾邮件", "垃圾郵件", "垃圾電子郵件",
	},
	formats.RoleOutbox: {
		"outbox", "unsent messages", "postausgang", "boîte d'envoi", "boîte d’envoi", "bandeja de salida", "posta in uscita", "postvak uit",
		"caixa de saída", "a enviar", "utkorgen", "udbakke", "utboks", "lähtevät", "skrzynka nadawcza", "pošta k odeslání",
		"pošta na odoslanie", "postázandó üzenetek", "исходящие", "вихідні", "giden kutusu", "εξερχόμενα", "תיבת דואר יוצא",
		"علبة الصادر", "صندوق الصادر", "送信トレイ", "보낼 편지함", "发件箱", "寄件匣",
	},
	formats.RoleArchive: {
		"archive", "archives", "archiv", "archivo", "archivio", "archief", "arquivo", "arquivo morto", "arkiv", "arkisto", "archiwum", "archív",
		"archívum", "архив", "архів", "arşiv", "αρχειοθήκη", "αρχείο", "ארכיון", "أرشيف", "الأرشيف", "アーカイブ", "보관", "存档", "封存",
	},
}

// RoleOf returns the role that the name of a folder suggests. It decides only where the archive itself does not say which
// folder is which: exports of server mailboxes leave that out, and most other archives have no place for it. A folder that is
// not among those right below the archive's top has none.
func RoleOf(name string) formats.Role {
	name = strings.ToLower(strings.TrimSpace(name))
	for role, names := range roleNames {
		for _, n := range names {
			if n == name {
				return role
			}
		}
	}
	return formats.RoleNone
}
